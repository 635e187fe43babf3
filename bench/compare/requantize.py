"""Converts a GGUF file to other tensor types with llama.cpp's own quantizer.

    python3 requantize.py LIBRARIES MODEL TYPE OUT

LIBRARIES is the folder of llama.cpp's shared libraries, as the npm package node-llama-cpp 3.22.1 ships them; TYPE is
the name of a mix, such as Q4_0, Q8_0 or Q4_K_M. The file is for measuring speed only: what MODEL lost when it was
quantised first is not recovered. `cargo xtask compare --quant` runs this script.
"""

import ctypes
import pathlib
import sys

# enum llama_ftype of llama.h.
MIXES = {
    "F16": 1,
    "Q4_0": 2,
    "Q4_1": 3,
    "Q8_0": 7,
    "Q5_0": 8,
    "Q5_1": 9,
    "Q4_K_S": 14,
    "Q4_K_M": 15,
    "Q5_K_S": 16,
    "Q5_K_M": 17,
    "Q6_K": 18,
    "BF16": 32,
}


class Params(ctypes.Structure):
    """struct llama_model_quantize_params of llama.h."""

    _fields_ = [
        ("nthread", ctypes.c_int32),
        ("ftype", ctypes.c_int),
        ("output_tensor_type", ctypes.c_int),
        ("token_embedding_type", ctypes.c_int),
        ("allow_requantize", ctypes.c_bool),
        ("quantize_output_tensor", ctypes.c_bool),
        ("only_copy", ctypes.c_bool),
        ("pure", ctypes.c_bool),
        ("keep_split", ctypes.c_bool),
        ("dry_run", ctypes.c_bool),
        ("imatrix", ctypes.c_void_p),
        ("kv_overrides", ctypes.c_void_p),
        ("tt_overrides", ctypes.c_void_p),
        ("prune_layers", ctypes.c_void_p),
        ("max_buf_size", ctypes.c_size_t),
        # Room for fields that another version may have at the end.
        ("rest", ctypes.c_uint8 * 256),
    ]


def load(libraries, name):
    """Loads the library of this name, whatever version and suffix its file name has."""
    names = sorted(libraries.glob(f"*{name}*"))
    files = [file for file in names if file.name.split(".")[0] in (name, f"lib{name}")]
    if not files:
        sys.exit(f"no library {name} in {libraries}")
    return ctypes.CDLL(str(files[0]), mode=ctypes.RTLD_GLOBAL)


def main(libraries, model, mix, out):
    if mix not in MIXES:
        sys.exit(f"unknown type {mix!r}; expected one of: {', '.join(MIXES)}")
    folder = pathlib.Path(libraries)
    load(folder, "ggml-base")
    load(folder, "ggml")
    llama = load(folder, "llama")
    defaults = llama.llama_model_quantize_default_params
    defaults.restype = Params
    params = defaults()
    params.ftype = MIXES[mix]
    params.allow_requantize = True
    quantize = llama.llama_model_quantize
    quantize.restype = ctypes.c_uint32
    quantize.argtypes = [ctypes.c_char_p, ctypes.c_char_p, ctypes.POINTER(Params)]
    code = quantize(model.encode(), out.encode(), ctypes.byref(params))
    if code != 0:
        sys.exit(f"llama.cpp could not convert {model} to {mix} (code {code})")


if __name__ == "__main__":
    if len(sys.argv) != 5:
        sys.exit(__doc__)
    main(*sys.argv[1:])
