import json
import tracemalloc

import numpy as np
import pytest

from keras_seg.data import Normalization, looks_like_ct, zscore

STATISTICS = {"percentile_00_5": -100.0, "percentile_99_5": 200.0, "mean": 40.0, "std": 20.0}


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1.7e6, 1e30])
def test_zscore_of_any_scale(scale):
    image = (np.random.default_rng(0).gamma(2, scale, (8, 9, 10, 2)) + scale).astype("float32")
    result = zscore(image)
    assert result.dtype == np.float32
    np.testing.assert_allclose(result.mean(axis=(0, 1, 2)), 0, atol=1e-5)
    np.testing.assert_allclose(result.std(axis=(0, 1, 2)), 1, rtol=1e-5)


def test_zscore_is_that_of_float64_beyond_one_slab():
    image = (np.random.default_rng(0).gamma(2, 3e4, (130, 100, 100, 1)) + 1e6).astype("float32")
    wide = image.astype("float64")
    np.testing.assert_allclose(zscore(image), (wide - wide.mean()) / wide.std(), atol=1e-6)


def test_zscore_of_integers_and_a_constant_channel():
    image = np.stack([np.arange(12), np.full(12, 7)], axis=-1).reshape(3, 4, 2).astype("uint8")
    result = zscore(image)
    assert result[..., 1].tolist() == np.zeros((3, 4)).tolist()
    np.testing.assert_allclose(result[..., 0].std(), 1, rtol=1e-5)
    assert not zscore(np.full((5, 5, 1), 0.1, "float32")).any()


def test_ct_clips_and_scales_by_the_training_set():
    image = np.array([-1000, -100, 40, 60, 200, 3000], "float32")[:, None, None]
    found = Normalization("ct", (STATISTICS,))(image)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found.ravel(), [-7, -7, 0, 1, 8, 8], atol=1e-6)


def test_each_channel_has_its_own_statistics():
    other = {"percentile_00_5": 0, "percentile_99_5": 10, "mean": 5, "std": 5}
    found = Normalization("ct", (STATISTICS, other))(np.full((2, 2, 2), 60, "int16"))
    np.testing.assert_array_equal(found, np.broadcast_to(np.array([1, 1], "float32"), (2, 2, 2)))


def test_zscore_and_none():
    image = np.random.default_rng(0).normal(5, 3, (4, 5, 2)).astype("float32")
    np.testing.assert_array_equal(Normalization()(image), zscore(image))
    kept = Normalization("none")(image)
    np.testing.assert_array_equal(kept, image)
    assert kept is not image
    assert Normalization("none")(image.astype("uint8")).dtype == np.float32


@pytest.mark.parametrize("kind", ["zscore", "ct", "none"])
def test_memory_is_a_few_times_the_image(kind):
    """No copy in float64 of a whole volume."""
    image = np.random.default_rng(0).normal(size=(160, 160, 160, 1)).astype("float32")
    normalize = Normalization(kind, (STATISTICS,))
    tracemalloc.start()
    try:
        normalize(image)
        assert tracemalloc.get_traced_memory()[1] < 4.2 * image.nbytes
    finally:
        tracemalloc.stop()


def test_it_goes_through_json():
    for normalization in (Normalization("ct", (STATISTICS,)), Normalization("zscore"), Normalization("none")):
        assert Normalization.from_dict(json.loads(json.dumps(normalization.to_dict()))) == normalization
    # What 'ct' does not use is not kept, so that it cannot make two equal preparations differ.
    assert Normalization("ct", ({**STATISTICS, "median": 3},)) == Normalization("ct", (STATISTICS,))
    assert Normalization("zscore", (STATISTICS,)) == Normalization("zscore")


def test_what_cannot_be_is_said():
    for call, message in (
        (lambda: Normalization("minmax"), r"must be one of 'zscore', 'ct', 'none', but it is 'minmax'"),
        (lambda: Normalization("ct"), r"'ct' needs `statistics` .*Normalization.of\('ct', fingerprint\)"),
        (lambda: Normalization("ct", ({"mean": 3},)), r"channel 0 lack percentile_00_5, percentile_99_5, std"),
        (
            lambda: Normalization("ct", ({**STATISTICS, "percentile_99_5": -100, "std": 0},)),
            r"one single intensity \(40\).*Use the normalization 'zscore'",
        ),
        (
            lambda: Normalization("ct", (STATISTICS,))(np.zeros((3, 3, 2))),
            r"The image has 2 channels, but the normalization has the statistics of 1",
        ),
    ):
        with pytest.raises(ValueError, match=message):
            call()


@pytest.mark.parametrize(
    ("low", "high", "names", "answer", "reason"),
    [
        (-1024, 3071, None, True, "as of air in Hounsfield units"),
        (-3024, 1500, None, True, "typically -3024"),
        (-1000.5, 2000, None, True, "-1000.5"),
        (0, 255, None, False, "typically 0"),
        (-4.2, 11, None, False, "typically -4.2"),
        (-1000, 5, None, False, "the highest of all is 5"),
        (-32768, 32767, None, False, "no Hounsfield units"),
        (0, 255, ["CT"], True, "names its channels CT"),
        (-1024, 3000, ["MRI"], False, "MRI, which is not CT alone"),
        (-1024, 3000, ["CT", "PET"], False, "CT, PET, which is not CT alone"),
        (-1024, 3000, ["0"], True, "Hounsfield"),
        (-1024, 3000, ["channel_0000"], True, "Hounsfield"),
    ],
)
def test_looks_like_ct(low, high, names, answer, reason):
    found, why = looks_like_ct([{"typical_minimum": low, "maximum": high}], names)
    assert found is answer
    assert reason in why


def test_one_channel_that_is_no_ct_decides():
    channels = [{"typical_minimum": -1024, "maximum": 3000}, {"typical_minimum": 0, "maximum": 30}]
    assert looks_like_ct(channels)[0] is False
