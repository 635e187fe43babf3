"""Blocks of every tensor type and what the Python `gguf` package makes of them.

    pip install gguf==0.19.0 numpy==2.4.6
    python make_quant_blocks.py > gguf_python.json

Quants are random bits; scales are random finite f16 values of either sign, and in the last blocks the
corner cases: zero, the smallest subnormal, the largest value, all bits set. Values are written as the bits of the
float32, so that nothing is lost on the way through JSON. Seeded: the output is the same every time.
"""
import importlib.metadata, json, sys

import gguf
import numpy as np
from gguf.quants import dequantize

Q = gguf.GGMLQuantizationType
# Where the f16 scales lie in a block.
SCALES = {Q.Q8_0: [0], Q.Q4_0: [0], Q.Q4_1: [0, 2], Q.Q5_0: [0], Q.Q5_1: [0, 2], Q.Q4_K: [0, 2], Q.Q5_K: [0, 2], Q.Q6_K: [208]}
CORNERS = [0x0000, 0x8000, 0x0001, 0x7BFF]  # 0, -0, the smallest subnormal, the largest finite f16
rng = np.random.default_rng(20240607)


def finite_half(n):
    """Random bits of f16 values that are finite."""
    bits = rng.integers(0, 1 << 16, n, dtype=np.uint16)
    return np.where(bits & 0x7C00 == 0x7C00, bits ^ 0x4000, bits).astype("<u2")


def raw_blocks(kind):
    length, size = gguf.GGML_QUANT_SIZES[kind]
    if kind == Q.F32:
        return np.concatenate([rng.standard_normal(60).astype("<f4"), np.array([0, -0.0, 1e-45, 3.4e38], "<f4")]).view(np.uint8)
    if kind == Q.F16:
        return np.concatenate([finite_half(60), np.array(CORNERS, "<u2")]).view(np.uint8)
    if kind == Q.BF16:
        return (rng.standard_normal(64).astype("<f4").view("<u4") >> 16).astype("<u2").view(np.uint8)
    blocks = rng.integers(0, 256, (4 + len(CORNERS), size), dtype=np.uint8)
    blocks[-1, :] = 0xFF
    for at in SCALES[kind]:
        scales = np.concatenate([finite_half(4), np.array(CORNERS, "<u2")])
        blocks[:, at : at + 2] = scales.view(np.uint8).reshape(-1, 2)
    return blocks.reshape(-1)


def main():
    versions = {name: importlib.metadata.version(name) for name in ("gguf", "numpy")}
    cases = []
    for kind in [Q.F32, Q.F16, Q.BF16, *SCALES]:
        raw = raw_blocks(kind)
        values = dequantize(raw.reshape(1, -1), kind).reshape(-1).astype("<f4")
        cases.append({"type": kind.name, "raw_hex": raw.tobytes().hex(), "bits": values.view("<u4").tolist()})
    lines = ",\n".join(json.dumps(case, separators=(",", ":")) for case in cases)
    sys.stdout.write('{"meta": %s,\n"cases": [\n%s\n]}\n' % (json.dumps({"made_with": versions}), lines))


main()
