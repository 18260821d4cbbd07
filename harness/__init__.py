"""Benchmark and ablation reproduction harness for DSANet (arXiv 2105.12085)."""
