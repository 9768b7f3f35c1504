// @ts-check

/**
 * The selection is in the page's address, so that users can share a link, and the browser's buttons
 * for back and forward work.
 *
 * @typedef {{trace: string | null, compare: string | null, stage: string | null}} Selection
 */

/** @returns {Selection} */
export function selection() {
  const parameters = new URLSearchParams(location.hash.slice(1));
  return { trace: parameters.get("trace"), compare: parameters.get("compare"), stage: parameters.get("stage") };
}

/**
 * Change the selection and show it.
 *
 * @param {Partial<Selection>} change
 */
export function choose(change) {
  const selected = { ...selection(), ...change };
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(selected)) if (value) parameters.set(name, value);
  const hash = parameters.size > 0 ? `#${parameters}` : location.pathname + location.search;
  // `location.hash = …` is not used, because an empty hash would scroll to the top.
  if (hash !== location.hash) history.pushState(null, "", hash);
  dispatchEvent(new PopStateEvent("popstate"));
}
