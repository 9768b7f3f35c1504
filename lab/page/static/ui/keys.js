// @ts-check

const ROWS = "[role=row][tabindex]";
const ROWS_PER_PAGE = 10;

/**
 * Add arrow keys to the rows of a grid. Only one row, with its links and buttons, is in the tab order (roving
 * tabindex; WAI-ARIA Authoring Practices, grid and treegrid with rows that take focus).
 *
 * @param {HTMLElement} grid
 * @param {object} handlers
 * @param {(row: HTMLElement) => void} handlers.choose Enter, Space or a click
 * @param {(row: HTMLElement, rows: HTMLElement[]) => HTMLElement | null | undefined} handlers.right
 * @param {(row: HTMLElement, rows: HTMLElement[]) => HTMLElement | null | undefined} handlers.left
 */
export function addKeys(grid, { choose, right, left }) {
  grid.addEventListener("focusin", (event) => setTabStop(grid, rowOf(event)));
  grid.addEventListener("click", (event) => {
    const row = rowOf(event);
    if (row && !(/** @type {HTMLElement} */ (event.target).closest("a, button"))) choose(row);
  });
  grid.addEventListener("keydown", (event) => {
    const row = rowOf(event);
    if (!row || event.altKey || event.ctrlKey || event.metaKey) return;
    if (event.target === row && (event.key === "Enter" || event.key === " ")) choose(row);
    else {
      const rows = rowsOf(grid);
      const next = target(event.key, rows, rows.indexOf(row), { right, left });
      if (!next) return;
      next.focus();
    }
    event.preventDefault();
  });
}

/** @param {Event} event @returns {HTMLElement | null} */
function rowOf(event) {
  return /** @type {HTMLElement} */ (event.target).closest(ROWS);
}

/** @param {HTMLElement} grid @returns {HTMLElement[]} */
export function rowsOf(grid) {
  return [...grid.querySelectorAll(ROWS)].map((row) => /** @type {HTMLElement} */ (row));
}

/**
 * @param {string} key
 * @param {HTMLElement[]} rows
 * @param {number} at
 * @param {Record<"right" | "left", (row: HTMLElement, rows: HTMLElement[]) => HTMLElement | null | undefined>} sideways
 */
function target(key, rows, at, { right, left }) {
  switch (key) {
    case "ArrowDown": return rows[at + 1];
    case "ArrowUp": return rows[at - 1];
    case "Home": return rows[0];
    case "End": return rows[rows.length - 1];
    case "PageDown": return rows[Math.min(at + ROWS_PER_PAGE, rows.length - 1)];
    case "PageUp": return rows[Math.max(at - ROWS_PER_PAGE, 0)];
    case "ArrowRight": return right(rows[at], rows);
    case "ArrowLeft": return left(rows[at], rows);
    default: return null;
  }
}

/**
 * Keep exactly one row in the tab order: `wanted`, or else the row that is there now, or else the first row.
 *
 * @param {HTMLElement} grid
 * @param {HTMLElement | null} [wanted]
 */
export function setTabStop(grid, wanted) {
  const rows = rowsOf(grid);
  const stop = wanted ?? rows.find((row) => row.tabIndex === 0) ?? rows[0];
  for (const row of rows) {
    const tabindex = row === stop ? 0 : -1;
    row.tabIndex = tabindex;
    for (const part of row.querySelectorAll("a, button")) /** @type {HTMLElement} */ (part).tabIndex = tabindex;
  }
}

/**
 * Remember which request has the focus.
 *
 * @param {HTMLElement} body
 * @returns {() => void} restores the focus after the row has been drawn again
 */
export function saveFocus(body) {
  const active = /** @type {HTMLElement} */ (document.activeElement);
  const row = body.contains(active) ? /** @type {HTMLElement | null} */ (active.closest("[data-trace]")) : null;
  return () => {
    if (!row || row.isConnected) return;
    const fresh = /** @type {HTMLElement | null} */ (body.querySelector(`[data-trace="${CSS.escape(row.dataset.trace ?? "")}"]`));
    (active === row ? fresh : fresh?.querySelector("button"))?.focus({ preventScroll: true });
  };
}
