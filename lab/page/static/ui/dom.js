// @ts-check

/**
 * Make an element. Strings become text and attributes, never markup, because a trace may contain
 * text from any sender.
 *
 * @param {string} tag
 * @param {Record<string, any>} [attributes] `onclick` and other `on…` are listeners; null and false
 *   omit an attribute
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
 * Return an element that exists in the page's HTML.
 *
 * @param {string} id
 * @returns {HTMLElement}
 */
export function byId(id) {
  return /** @type {HTMLElement} */ (document.getElementById(id));
}

/**
 * Set CSS custom properties. The Content-Security-Policy allows this method, but forbids style attributes.
 *
 * @template {HTMLElement} T
 * @param {T} element
 * @param {Record<string, string | number>} properties
 * @returns {T}
 */
export function setProperties(element, properties) {
  for (const [name, value] of Object.entries(properties)) {
    element.style.setProperty(`--${name}`, String(value));
  }
  return element;
}

/** Announce a text to screen readers. @param {string} text */
export function announce(text) {
  byId("announcement").textContent = text;
}

/**
 * Make `children` the only children of `parent`, and move as few elements as possible: an element
 * that is removed and inserted again loses the focus.
 *
 * @param {HTMLElement} parent
 * @param {Element[]} children
 */
export function reconcile(parent, children) {
  const kept = new Set(children);
  for (const child of [...parent.children]) if (!kept.has(child)) child.remove();
  children.forEach((child, at) => {
    if (parent.children[at] !== child) parent.insertBefore(child, parent.children[at] ?? null);
  });
}
