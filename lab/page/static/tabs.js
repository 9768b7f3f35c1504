// @ts-check

/**
 * Make the tabs of a tab list work: a click, and the arrow keys (WAI-ARIA Authoring Practices, tabs).
 *
 * @param {HTMLElement} list
 * @returns {(tab: HTMLElement) => void} opens a tab
 */
export function addTabs(list) {
  const tabs = /** @type {HTMLElement[]} */ ([...list.querySelectorAll("[role=tab]")]);

  /** @param {HTMLElement} opened */
  function open(opened) {
    for (const tab of tabs) {
      const isOpen = tab === opened;
      tab.setAttribute("aria-selected", String(isOpen));
      tab.tabIndex = isOpen ? 0 : -1;
      const panel = /** @type {HTMLElement} */ (document.getElementById(tab.getAttribute("aria-controls") ?? ""));
      panel.hidden = !isOpen;
    }
  }

  for (const tab of tabs) tab.addEventListener("click", () => open(tab));
  list.addEventListener("keydown", (event) => {
    const at = tabs.indexOf(/** @type {HTMLElement} */ (event.target));
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (at < 0 || !step) return;
    const next = tabs[(at + step + tabs.length) % tabs.length];
    open(next);
    next.focus();
    event.preventDefault();
  });
  return open;
}
