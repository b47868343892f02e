"""Conformance: every operator on every combination of types in every runtime, on drawn models, against LiteRT and TFLM.

combination.py   what is drawn and how; each family of operators registers its combinations there
micro.py         what TFLM takes in another form than LiteRT, or LiteRT not at all
compare.py       one drawn case in qref and in LiteRT or TFLM
refused.py       combinations that LiteRT or TFLM does not run, each with its reason
inexact.py       combinations that are known to differ, each with its reason
record.py        counts cases, elements and mismatches into qref/runtimes/evidence.json
"""
