// Builders of elements. Children are appended as text, so a label value is never parsed as markup.

const SVG = "http://www.w3.org/2000/svg";

/** Return an HTML element with attributes, event listeners (`on...`) and children. Null children are left out. */
export function h(name, attributes = {}, ...children) {
  return filled(document.createElement(name), attributes, children);
}

/** Return an SVG element, with arguments as for `h`. */
export function s(name, attributes = {}, ...children) {
  return filled(document.createElementNS(SVG, name), attributes, children);
}

function filled(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== null && value !== undefined && value !== false) element.setAttribute(name, value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined));
  return element;
}

export const $ = (id) => document.getElementById(id);

/** Set the text of an element if it differs. Unchanged text keeps the user's selection and is not announced again. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Announce the text that an action sets in an element, but not those of later refreshes. */
export async function announced(element, action) {
  element.ariaLive = "polite";
  await action();
  setTimeout(() => (element.ariaLive = "off"), 5_000);
}

/** Make the children of an element these. Nodes of the same kind are kept, with their listeners, so that focus, selection and reading position stay. */
export function update(element, ...children) {
  const next = children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== "").map((child) => (typeof child === "string" ? document.createTextNode(child) : child));
  const present = [...element.childNodes];
  next.forEach((child, i) => {
    if (!present[i]) element.append(child);
    else if (present[i].nodeName === child.nodeName) copy(child, present[i]);
    else present[i].replaceWith(child);
  });
  for (const node of present.slice(next.length)) node.remove();
}

/** Copy data, attributes and children. Whether details are open stays. */
function copy(from, to) {
  if (from.isEqualNode(to)) return;
  if (from.nodeType === Node.TEXT_NODE) {
    to.data = from.data;
    return;
  }
  for (const { name } of [...to.attributes]) if (name !== "open" && !from.hasAttribute(name)) to.removeAttribute(name);
  for (const { name, value } of from.attributes) if (to.getAttribute(name) !== value) to.setAttribute(name, value);
  update(to, [...from.childNodes]);
}
