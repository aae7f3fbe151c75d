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
