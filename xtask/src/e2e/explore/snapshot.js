// Describes the page to the explorer: the controls that a person could use now, the state of the
// engine, and what must never be seen. The body of an async function; args[0] is the page's origin.
const origin = args[0];

// Tolerance in pixels for borders, rounding and outlines.
const SLACK = 4;
const INTERACTIVE =
  "button, input, select, textarea, summary, a[href], [role=option], [role=button], [tabindex]:not([tabindex='-1'])";

const testid = (id) => document.querySelector(`[data-testid="${id}"]`);
const splash = document.getElementById("splash-text")?.textContent ?? "";

// The page lives while an event changes it: typing where there is a composer, the colours elsewhere.
const until = async (holds) => {
  const start = performance.now();
  while (!holds()) {
    if (performance.now() - start > 10000) return false;
    await new Promise((done) => setTimeout(done, 5));
  }
  return true;
};
const isAlive = async () => {
  const composer = testid("composer");
  if (composer) {
    const field = composer.closest("[data-value]");
    const type = (value) => {
      composer.value = value;
      composer.dispatchEvent(new Event("input", { bubbles: true }));
      return until(() => field.dataset.value === value);
    };
    const before = composer.value;
    const { selectionStart: start, selectionEnd: end } = composer;
    if (!(await type(`${before}?`)) || !(await type(before))) return "the composer does not take what is typed";
    composer.setSelectionRange(start, end);
    return null;
  }
  const theme = testid("theme-toggle");
  if (!theme) return splash ? null : "the page has neither a composer nor a theme button";
  for (let turn = 0; turn < 3; turn += 1) {
    const before = document.documentElement.dataset.theme;
    theme.click();
    if (!(await until(() => document.documentElement.dataset.theme !== before))) {
      return "the theme button does not change the theme";
    }
  }
  return null;
};

const dead = await isAlive();
// From here on nothing is waited for: what is collected is of one moment.
const modal = [...document.querySelectorAll("dialog:modal")].at(-1);

const isShown = (element) =>
  element.checkVisibility({ visibilityProperty: true }) && element.getClientRects().length > 0;

// Text that only screen readers get is clipped to nothing, and so is what stands in it.
const isClippedAway = (element) => element.closest(".hidden") !== null;

const isUsable = (element) =>
  isShown(element) &&
  !isClippedAway(element) &&
  !element.matches(":disabled") &&
  element.closest("[inert], [aria-hidden=true]") === null &&
  (!modal || modal.contains(element));

const isContainingBlock = (style) =>
  style.transform !== "none" || style.filter !== "none" || /paint|layout|strict|content/.test(style.contain);

const name = (element) =>
  element.dataset.testid ?? `${element.localName}${element.className ? "." + String(element.className).split(" ")[0] : ""}`;

// Says why a person can't bring the element into the window, or null where they can. The box is where
// the element stands after all scroll containers up to the current ancestor have scrolled to it.
const cutOff = (element) => {
  const { left, top, right, bottom } = element.getBoundingClientRect();
  const box = { x: [left, right], y: [top, bottom] };
  let position = getComputedStyle(element).position;
  const root = document.documentElement;
  for (let node = element.parentElement; node && node !== root && node !== document.body; node = node.parentElement) {
    const style = getComputedStyle(node);
    const contains = isContainingBlock(style);
    if (position === "fixed" && !contains) continue;
    if (position === "absolute" && style.position === "static" && !contains) continue;
    const rect = node.getBoundingClientRect();
    const inner = {
      x: [rect.left + node.clientLeft, rect.left + node.clientLeft + node.clientWidth],
      y: [rect.top + node.clientTop, rect.top + node.clientTop + node.clientHeight],
    };
    const scrolled = { x: node.scrollLeft, y: node.scrollTop };
    for (const [axis, overflow] of [["x", style.overflowX], ["y", style.overflowY]]) {
      if (overflow === "visible") continue;
      const [start, end] = box[axis];
      const [from, to] = inner[axis];
      const size = Math.min(end - start, to - from);
      if (overflow === "auto" || overflow === "scroll") {
        if (start - from + scrolled[axis] < -SLACK) return `it lies before the start of ${name(node)}`;
        if (start < from) box[axis] = [from, from + size];
        else if (end > to) box[axis] = [to - size, to];
      } else if (start < from - SLACK && end - start <= to - from) {
        return `${name(node)} cuts ${Math.round(from - start)} px off its start (${axis})`;
      } else if (end > to + SLACK && end - start <= to - from) {
        return `${name(node)} cuts ${Math.round(end - to)} px off its end (${axis})`;
      } else if (Math.min(end, to) - Math.max(start, from) < Math.min(end - start, SLACK)) {
        return `${name(node)} hides it (${axis})`;
      }
    }
    if (style.position !== "static") position = style.position;
  }
  const view = { x: innerWidth, y: innerHeight };
  const offset = { x: scrollX, y: scrollY };
  const [rootStyle, bodyStyle] = [root, document.body].map((of) => getComputedStyle(of));
  for (const axis of ["x", "y"]) {
    const key = axis === "x" ? "overflowX" : "overflowY";
    const overflow = rootStyle[key] === "visible" ? bodyStyle[key] : rootStyle[key];
    const scrolls = position !== "fixed" && overflow !== "hidden" && overflow !== "clip";
    const [start, end] = box[axis];
    const at = `${Math.round(start)} to ${Math.round(end)} of ${view[axis]} px (${axis})`;
    if (start + (scrolls ? offset[axis] : 0) < -SLACK) return `it begins before the window: ${at}`;
    if (!scrolls && end > view[axis] + SLACK) return `it ends behind the window: ${at}`;
  }
  return null;
};

const label = (element) =>
  (element.getAttribute("aria-label") || element.labels?.[0]?.textContent || element.textContent || element.title || "")
    .replace(/\s+/g, " ")
    .trim()
    .slice(0, 50);

const kind = (element) => {
  const tag = element.localName;
  if (tag === "input") {
    if (["checkbox", "radio", "file"].includes(element.type)) return element.type;
    return ["button", "submit", "reset"].includes(element.type) ? "button" : "text";
  }
  if (tag === "textarea") return "text";
  if (tag === "select") return "select";
  if (tag === "a") return "link";
  if (element.getAttribute("role") === "option") return "bar";
  return tag === "button" || tag === "summary" ? "button" : "region";
};

// A name that stays the same from visit to visit: the test id, else place and label without figures.
const key = (element) => {
  if (element.dataset.testid && kind(element) !== "bar") return element.dataset.testid;
  if (kind(element) === "bar") return "bar";
  const place = element.parentElement?.closest("[data-testid]")?.dataset.testid ?? "";
  const words = label(element).replace(/\d[\d.,:-]*/g, "#");
  return `${place}>${element.localName}:${words}`;
};

// Of the timeline's bars three stand for all: there may be hundreds.
const bars = [...document.querySelectorAll("[role=option]")];
const someBars = new Set([bars[0], bars[bars.length >> 1], bars.at(-1)]);
const all = [...document.querySelectorAll(INTERACTIVE)].filter(
  (element) => element.getAttribute("role") !== "option" || someBars.has(element),
);
const usable = all.filter(isUsable);

const unreachable = usable
  .map((element) => ({ what: `${key(element)} ("${label(element)}")`, why: cutOff(element) }))
  .filter((found) => found.why !== null)
  .map((found) => `${found.what}: ${found.why}`);

const controls = usable
  .filter((element) => kind(element) !== "link" || new URL(element.href, location).origin === location.origin)
  .map((element) => ({
    key: key(element),
    kind: kind(element),
    testid: element.dataset.testid ?? null,
    label: label(element),
    options: element.localName === "select" ? [...element.options].map((option) => option.value) : [],
    element,
    // A transparent input lies on its label, which is what a person aims at.
    target: kind(element) === "radio" || kind(element) === "checkbox" ? (element.labels[0] ?? element) : element,
  }))
  .sort((one, other) => (one.key < other.key ? -1 : one.key > other.key ? 1 : 0));

const text = (id) => testid(id)?.textContent ?? null;
const shown = document.body.textContent.match(/panicked at[^\n]*|unreachable executed|already been disposed/)?.[0] ?? null;
const answers = [...document.querySelectorAll("[data-testid=answer]")];

return {
  address: location.href,
  ours: location.origin === origin,
  controls,
  // Bars are made by script and are not controls of the sources.
  seen: all.filter((element) => kind(element) !== "bar").map((element) => element.dataset.testid).filter(Boolean),
  unreachable,
  wide: document.documentElement.scrollWidth > innerWidth + SLACK
    ? `the page is ${document.documentElement.scrollWidth} px wide in a window of ${innerWidth} px`
    : null,
  crash: text("crash"),
  crashed: text("crashed"),
  panic: shown,
  splash,
  dead,
  alert: text("error"),
  engine: testid("status-engine")?.dataset.engine ?? "",
  server: text("status-server"),
  answers: answers.length,
  text_length: answers.reduce((sum, answer) => sum + answer.textContent.length, 0),
  state: answers.at(-1)?.dataset.state ?? "",
  answer: answers.at(-1)?.textContent ?? "",
  lab: testid("lab") !== null,
  lab_runs: testid("lab-live") !== null,
  bench_runs: testid("bench-progress") !== null,
  dialog: modal !== undefined,
};
