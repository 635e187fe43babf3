// Says in words why the page can't start, since the page itself is WebAssembly and can't.
"use strict";
(() => {
  const say = (text) => {
    const show = () => {
      const line = document.getElementById("splash-text");
      if (line) line.textContent = text;
    };
    if (document.readyState === "loading") addEventListener("DOMContentLoaded", show);
    else show();
  };
  // A module of one function that uses a 128-bit vector.
  const simd = new Uint8Array([
    0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 10, 1, 8, 0, 65, 0, 253, 15, 253, 98, 11,
  ]);
  if (typeof WebAssembly !== "object") {
    say("This browser has no WebAssembly. Use a current Chrome, Edge, Firefox or Safari.");
  } else if (!WebAssembly.validate(simd)) {
    say("This browser's WebAssembly has no SIMD. Update it: Chrome 91, Firefox 89 and Safari 16.4 have it.");
  } else {
    addEventListener("error", (event) => say(`The page could not start: ${event.message}`));
    addEventListener("unhandledrejection", (event) => say(`The page could not start: ${event.reason}`));
  }
})();
