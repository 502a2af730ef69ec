// What builds the page. Text from outside becomes a text node here and nowhere anything else: no function of the page makes
// markup of a string.

/** Returns the element of an id. */
export const at = (id) => document.getElementById(id);

/** Makes an element: attributes by name, then children, which are nodes or text. */
export function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "onclick") {
      node.addEventListener("click", value);
    } else if (value !== undefined && value !== false) {
      node.setAttribute(name, value);
    }
  }
  node.append(...children.filter((child) => child !== null && child !== undefined && child !== ""));
  return node;
}

/** Sets an element's text if it is another, so that nothing flickers and no selection is lost. */
export function say(node, text) {
  if (node.textContent !== text) {
    node.textContent = text;
  }
}

/**
 * Makes parent's children those of items, and leaves alone what has not changed, focus and selection with it. key names an
 * item, make builds its element from it.
 */
export function list(parent, items, key, make) {
  const old = new Map([...parent.children].map((child) => [child.dataset.key, child]));
  const fresh = items.map((item) => {
    const name = key(item), said = JSON.stringify(item);
    const kept = old.get(name);
    if (kept && kept.said === said) {
      return kept;
    }
    const node = make(item);
    node.dataset.key = name;
    node.said = said;
    return node;
  });
  if (fresh.length !== parent.children.length || fresh.some((node, i) => node !== parent.children[i])) {
    parent.replaceChildren(...fresh);
  }
}

/** Makes a table's row; each cell carries its column's name for narrow screens. */
export function row(labels, ...cells) {
  return el("tr", {}, ...cells.map((cell, i) => el("td", { "data-label": labels[i] }, el("span", {}, ...[cell].flat()))));
}

/** Makes a small label; tone is good, warn, bad or empty. */
export const tag = (text, tone = "") => el("span", { class: `tag ${tone}` }, text);

/** Makes a shortened identifier that tells all of itself to whoever points at it. */
export function id(text, own = false) {
  return el("span", { class: own ? "id own" : "id", title: text }, shorten(text));
}

/** Shortens an address, a wallet's ID or a peer's, of which all begin alike. */
export function shorten(text) {
  if (text.length <= 14) {
    return text;
  }
  return text.startsWith("0x") ? `${text.slice(0, 8)}…${text.slice(-4)}` : `…${text.slice(-10)}`;
}

/** Writes pairs into a definition list, without those that have nothing to say. */
export function facts(pairs) {
  return pairs.filter(([, value]) => value !== null && value !== undefined && value !== "")
    .flatMap(([name, value]) => [el("dt", {}, name), el("dd", {}, ...[value].flat())]);
}

/** Writes a duration in seconds: 3 min 20 s. */
export function span(seconds) {
  const s = Math.max(0, Math.round(seconds));
  if (s < 60) {
    return `${s} s`;
  }
  if (s < 3600) {
    return `${Math.floor(s / 60)} min ${s % 60} s`;
  }
  return s < 86400 ? `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min` : `${Math.floor(s / 86400)} d ${Math.floor((s % 86400) / 3600)} h`;
}

/** Writes a code such as leader_idle in words. */
export const words = (code) => code.replaceAll("_", " ");
