"""Weights as files: given ones scored and tried on single videos, trained ones written for others.

Scores of given weights are records of their own, in `given/` of the results folder: nothing was
trained, so they are no seed of a row, and no table and no claim reads them.
"""
