// Elements are made from text only: whatever a label holds, it is never markup.

const SVG = "http://www.w3.org/2000/svg";

/** An element with attributes and children (elements or texts); what is null is left out. */
export function h(name, attributes = {}, ...children) {
  return filled(document.createElement(name), attributes, children);
}

/** The same for a drawing. */
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

/** Put a text in place, if it is another one: what stays as it is keeps its selection and is not read out again. */
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
