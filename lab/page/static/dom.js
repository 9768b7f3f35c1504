// @ts-check

/**
 * Make an element. What comes in becomes text and attributes, never markup: a trace may hold
 * whatever a stranger has sent.
 *
 * @param {string} tag
 * @param {Record<string, any>} [attributes] `onclick` and its like are listeners; null and false
 *   leave an attribute out
 * @param {...(Node | string | null | undefined | false)} children
 * @returns {HTMLElement}
 */
export function el(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value !== null && value !== undefined && value !== false) {
      element.setAttribute(name, value === true ? "" : String(value));
    }
  }
  element.append(...present(children));
  return element;
}

/**
 * @param {(Node | string | null | undefined | false)[]} children
 * @returns {(Node | string)[]}
 */
function present(children) {
  return /** @type {(Node | string)[]} */ (
    children.filter((child) => child !== null && child !== undefined && child !== false)
  );
}

/**
 * Find what index.html is known to have.
 *
 * @param {string} id
 * @returns {HTMLElement}
 */
export function byId(id) {
  return /** @type {HTMLElement} */ (document.getElementById(id));
}

/**
 * Set CSS custom properties. The policy forbids style attributes, not this.
 *
 * @template {HTMLElement} T
 * @param {T} element
 * @param {Record<string, string | number>} properties
 * @returns {T}
 */
export function shape(element, properties) {
  for (const [name, value] of Object.entries(properties)) {
    element.style.setProperty(`--${name}`, String(value));
  }
  return element;
}

/** Tell those who cannot see it. @param {string} text */
export function say(text) {
  byId("said").textContent = text;
}

/**
 * Move as little as possible: what is taken out of the document and put back loses its focus.
 *
 * @param {HTMLElement} parent
 * @param {Element[]} children
 */
export function arrange(parent, children) {
  const stay = new Set(children);
  for (const child of [...parent.children]) if (!stay.has(child)) child.remove();
  children.forEach((child, at) => {
    if (parent.children[at] !== child) parent.insertBefore(child, parent.children[at] ?? null);
  });
}
