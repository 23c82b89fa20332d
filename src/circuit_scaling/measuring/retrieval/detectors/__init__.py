"""Detectors of retrieval heads, one file each: attention rows in, scores of heads out.

``summed_attention`` and ``qrhead`` read the attention of a prompt, ``wu24`` that of decoding. In
all of them heads are those of one layer or of any selection, in front of queries and keys; keys
are the positions of the prompt, and a needle is the slice of its positions. Each file has the
score of one sample and what becomes of the scores of many.
"""
