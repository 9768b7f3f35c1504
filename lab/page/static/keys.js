// @ts-check

const ROWS = "[role=row][tabindex]";
const PAGE = 10;

/**
 * Arrow keys among the rows of a grid. One row is in the tab order, with what it contains (the
 * roving tabindex of the WAI-ARIA Authoring Practices, grid and treegrid with rows that take focus).
 *
 * @param {HTMLElement} grid
 * @param {object} does
 * @param {(row: HTMLElement) => void} does.choose Enter, Space or a click
 * @param {(row: HTMLElement, rows: HTMLElement[]) => HTMLElement | null | undefined} does.right
 * @param {(row: HTMLElement, rows: HTMLElement[]) => HTMLElement | null | undefined} does.left
 */
export function rove(grid, { choose, right, left }) {
  grid.addEventListener("focusin", (event) => settle(grid, rowOf(event)));
  grid.addEventListener("click", (event) => {
    const row = rowOf(event);
    if (row && !(/** @type {HTMLElement} */ (event.target).closest("button"))) choose(row);
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
    case "PageDown": return rows[Math.min(at + PAGE, rows.length - 1)];
    case "PageUp": return rows[Math.max(at - PAGE, 0)];
    case "ArrowRight": return right(rows[at], rows);
    case "ArrowLeft": return left(rows[at], rows);
    default: return null;
  }
}

/**
 * Keep exactly one row in the tab order: the given one, else the one that is, else the first.
 *
 * @param {HTMLElement} grid
 * @param {HTMLElement | null} [wanted]
 */
export function settle(grid, wanted) {
  const rows = rowsOf(grid);
  const one = wanted ?? rows.find((row) => row.tabIndex === 0) ?? rows[0];
  for (const row of rows) {
    const tabindex = row === one ? 0 : -1;
    row.tabIndex = tabindex;
    for (const button of row.querySelectorAll("button")) button.tabIndex = tabindex;
  }
}

/**
 * Note which request has the focus, so that a row that was drawn anew can have it back.
 *
 * @param {HTMLElement} body
 * @returns {() => void} gives it back
 */
export function focusIn(body) {
  const active = /** @type {HTMLElement} */ (document.activeElement);
  const row = body.contains(active) ? /** @type {HTMLElement | null} */ (active.closest("[data-trace]")) : null;
  return () => {
    if (!row || row.isConnected) return;
    const fresh = /** @type {HTMLElement | null} */ (body.querySelector(`[data-trace="${CSS.escape(row.dataset.trace ?? "")}"]`));
    (active === row ? fresh : fresh?.querySelector("button"))?.focus({ preventScroll: true });
  };
}
