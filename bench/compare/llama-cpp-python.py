"""Measures llama.cpp once, through the Python package llama-cpp-python, and prints one line of JSON.

    python3 llama-cpp-python.py MODEL THREADS PROMPT_TOKENS GEN_TOKENS

The package compiles llama.cpp for the machine when pip installs it. `cargo xtask compare --python PATH` runs this
script. Its clocks are those of node-llama-cpp.mjs: llama.cpp's own, which covers only its evaluations, and
time.perf_counter() around evaluation and sampling.
"""

import ctypes
import importlib.metadata
import json
import sys
import time

import llama_cpp


@llama_cpp.llama_log_callback
def silent(level, text, user_data):
    """Drops llama.cpp's log."""


def prompt_tokens(count, vocabulary):
    """Returns random tokens, the same as in node-llama-cpp.mjs."""
    state, tokens = 1, []
    for _ in range(count):
        state = state * 48271 % 0x7FFFFFFF
        tokens.append(state % vocabulary)
    return tokens


def step(context, sampler, tokens):
    """Evaluates the tokens in one batch and returns the sampled token."""
    # Kept in a variable, because the batch only points to it.
    array = (llama_cpp.llama_token * len(tokens))(*tokens)
    batch = llama_cpp.llama_batch_get_one(array, len(tokens))
    if llama_cpp.llama_decode(context, batch) != 0:
        sys.exit("llama.cpp could not evaluate a batch")
    return llama_cpp.llama_sampler_sample(sampler, context, -1)


def run(context, sampler, prompt, generated):
    """Returns the seconds of one run: until the first token, and from the first to the last."""
    llama_cpp.llama_memory_clear(llama_cpp.llama_get_memory(context), True)
    start = time.perf_counter()
    token = step(context, sampler, prompt)
    first = time.perf_counter()
    for _ in range(generated - 1):
        token = step(context, sampler, [token])
    return first - start, time.perf_counter() - first


def features():
    """Returns the CPU features that llama.cpp was compiled for, such as AVX2 and OPENMP."""
    info = llama_cpp.llama_print_system_info().decode().split(":", 1)[-1]
    names = [feature.split("=")[0].strip() for feature in info.split("|") if "= 1" in feature]
    return " ".join(names)


def main(model, threads, prompt_length, generated):
    llama_cpp.llama_log_set(silent, ctypes.c_void_p(0))
    llama_cpp.llama_backend_init()
    model_params = llama_cpp.llama_model_default_params()
    model_params.n_gpu_layers = 0
    loaded = llama_cpp.llama_model_load_from_file(model.encode(), model_params)
    if loaded is None:
        sys.exit(f"llama.cpp could not load {model}")
    params = llama_cpp.llama_context_default_params()
    params.n_ctx = prompt_length + generated
    params.n_batch = params.n_ubatch = prompt_length
    params.n_threads = params.n_threads_batch = threads
    params.no_perf = False
    context = llama_cpp.llama_init_from_model(loaded, params)
    if context is None:
        sys.exit("llama.cpp could not create a context")
    sampler = llama_cpp.llama_sampler_init_greedy()
    vocabulary = llama_cpp.llama_vocab_n_tokens(llama_cpp.llama_model_get_vocab(loaded))
    prompt = prompt_tokens(prompt_length, vocabulary)

    run(context, sampler, prompt, generated)
    llama_cpp.llama_perf_context_reset(context)
    first, rest = run(context, sampler, prompt, generated)
    own = llama_cpp.llama_perf_context(context)
    result = {
        "version": importlib.metadata.version("llama-cpp-python"),
        "build": features(),
        "threads": threads,
        "own": {
            "prefill_tok_s": own.n_p_eval / (own.t_p_eval_ms / 1000),
            "decode_tok_s": own.n_eval / (own.t_eval_ms / 1000),
        },
        "wall": {
            "prefill_tok_s": prompt_length / first,
            "decode_tok_s": (generated - 1) / rest,
        },
    }
    print(json.dumps(result))


if __name__ == "__main__":
    if len(sys.argv) != 5:
        sys.exit(__doc__)
    main(sys.argv[1], *map(int, sys.argv[2:]))
