// Make elements. Text always goes in as text, never as markup.

/** Return a new element with properties, attributes (as `attributes`) and children (elements or texts). */
export function make(tag, properties = {}, ...children) {
  const { attributes = {}, ...others } = properties;
  const element = Object.assign(document.createElement(tag), others);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children.filter((child) => child !== null && child !== undefined && child !== ""));
  return element;
}

/** Return the element with an id. */
export function find(id) {
  return document.getElementById(id);
}

/** Say a sentence to readers of screens. */
export function announce(sentence) {
  find("status").textContent = sentence;
}
