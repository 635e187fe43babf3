// A helper thread of the CPU path: an instance of its module on the memory that all threads share.
onmessage = ({ data: { module, memory, thread } }) => {
  const words = new Int32Array(memory.buffer);
  const env = {
    memory,
    now: performance.now.bind(performance),
    notify: Atomics.notify.bind(Atomics, words),
    wait: Atomics.wait.bind(Atomics, words),
  };
  const { exports } = new WebAssembly.Instance(module, { env });
  exports.__stack_pointer.value = exports.stack_top(thread);
  postMessage("ready");
  try {
    exports.help(thread);
  } catch (error) {
    // The caller may be waiting for this thread.
    exports.fail();
    throw error;
  }
};
