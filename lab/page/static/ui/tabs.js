// @ts-check

/**
 * Let a click, the arrow keys, Home and End open the tabs of a tab list (WAI-ARIA Authoring Practices, tabs).
 *
 * @param {HTMLElement} list
 * @param {() => void} onopen called after a tab was opened
 * @returns {(tab: HTMLElement) => void} opens a tab
 */
export function addTabs(list, onopen) {
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
    onopen();
  }

  for (const tab of tabs) tab.addEventListener("click", () => open(tab));
  list.addEventListener("keydown", (event) => {
    const at = tabs.indexOf(/** @type {HTMLElement} */ (event.target));
    const next = { ArrowLeft: tabs.at(at - 1), ArrowRight: tabs[(at + 1) % tabs.length], Home: tabs[0], End: tabs.at(-1) }[event.key];
    if (at < 0 || !next) return;
    open(next);
    next.focus();
    event.preventDefault();
  });
  return open;
}
