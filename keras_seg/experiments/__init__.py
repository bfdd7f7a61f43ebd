"""Several trainings that differ in one thing: run, logged, killed and resumed in one way, judged by one statistic."""
