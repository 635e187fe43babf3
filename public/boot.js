// Parts of the page that do not depend on its WebAssembly: the message if it can't start, the crash card, and the choice
// of the tab that saves the conversation. A separate file, because content policies forbid inline scripts.
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
  const started = () => document.readyState === "complete" && !document.getElementById("splash");

  const element = (name, properties, ...children) => {
    const made = Object.assign(document.createElement(name), properties);
    made.append(...children);
    return made;
  };

  // Shows that the page has crashed. The page's panic hook calls it; only the first call counts.
  window.llamaglassCrash = (message) => {
    if (document.getElementById("crash")) return;
    const details = [
      message,
      `Page: ${location.href}`,
      `Browser: ${navigator.userAgent}`,
      `Time: ${new Date().toISOString()}`,
    ].join("\n");
    const reload = element("button", { className: "primary", onclick: () => location.reload() }, "Reload");
    reload.dataset.testid = "crash-reload";
    const copy = element("button", { className: "secondary" }, "Copy details");
    copy.dataset.testid = "crash-copy";
    copy.onclick = async () => {
      try {
        await navigator.clipboard.writeText(details);
        copy.textContent = "Copied";
      } catch {
        getSelection()?.selectAllChildren(words);
        copy.textContent = "Press Ctrl+C to copy";
      }
    };
    const words = element("pre", { className: "last-words" }, details);
    const card = element(
      "dialog",
      { id: "crash", className: "dialog crash" },
      element(
        "div",
        { className: "dialog-body" },
        element("h2", { id: "crash-title" }, "Something went wrong"),
        element("p", {}, "The page stopped because of an error in its own code. Reload it; your conversation is saved."),
        words,
        element("div", { className: "crash-buttons" }, reload, copy),
      ),
    );
    card.dataset.testid = "crash";
    card.setAttribute("role", "alertdialog");
    card.setAttribute("aria-labelledby", "crash-title");
    card.addEventListener("cancel", (event) => event.preventDefault());
    // The page's own handlers would run on state that the crash left half changed.
    for (const type of ["keydown", "keyup", "dragover", "drop", "pagehide"]) {
      addEventListener(type, (event) => event.stopImmediatePropagation(), true);
    }
    document.body.append(card);
    // A modal dialog lies over every other one and makes the rest of the page inert.
    card.showModal();
    reload.focus();
  };

  const failed = (error, message) => {
    if (!started()) say(`The page could not start: ${message}`);
    // WebAssembly that ran out of memory or stack stops without a panic. Other errors may be a browser extension's.
    else if (error instanceof WebAssembly.RuntimeError || error instanceof RangeError) {
      window.llamaglassCrash(message);
    }
  };

  // Resolves to true if this tab saves the browser's conversation. One tab at a time does, under a lock that it holds
  // until it is closed; the others save their own conversations in session storage.
  const savesConversation = async () => {
    const chat = "llamaglass.chat";
    const role = "llamaglass.tab";
    try {
      if (!navigator.locks) return true;
      if (sessionStorage.getItem(chat)) return false;
      // A reloaded tab finds the lock still held by its predecessor for a moment.
      const held = sessionStorage.getItem(role) === "keeper";
      const options = held ? { signal: AbortSignal.timeout(1000) } : { ifAvailable: true };
      return await new Promise((resolve) => {
        const refused = () => {
          sessionStorage.removeItem(role);
          resolve(false);
        };
        const granted = (lock) => {
          if (!lock) return refused();
          sessionStorage.setItem(role, "keeper");
          resolve(true);
          return new Promise(() => {});
        };
        navigator.locks.request(chat, options, granted).catch(refused);
      });
    } catch {
      // Storage is forbidden: nothing is saved, so nothing is overwritten.
      return true;
    }
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
    addEventListener("error", (event) => failed(event.error, event.message));
    addEventListener("unhandledrejection", (event) => failed(event.reason, String(event.reason)));
    window.llamaglassTab = savesConversation();
  }
})();
