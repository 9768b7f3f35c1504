// @ts-check

/**
 * What is chosen stands in the address, so that a link can be shared, and back and forward work.
 *
 * @typedef {{trace: string | null, compare: string | null, stage: string | null}} Selection
 */

/** @returns {Selection} */
export function selection() {
  const chosen = new URLSearchParams(location.hash.slice(1));
  return { trace: chosen.get("trace"), compare: chosen.get("compare"), stage: chosen.get("stage") };
}

/**
 * Choose something else and have it shown.
 *
 * @param {Partial<Selection>} change
 */
export function choose(change) {
  const chosen = { ...selection(), ...change };
  const words = new URLSearchParams();
  for (const [name, value] of Object.entries(chosen)) if (value) words.set(name, value);
  const hash = words.size > 0 ? `#${words}` : location.pathname + location.search;
  if (hash === location.hash) return;
  // Not `location.hash = …`: to empty that would scroll to the top.
  history.pushState(null, "", hash);
  dispatchEvent(new PopStateEvent("popstate"));
}

/**
 * Take a request into the pair that is compared. The pair is always the two chosen last, so that
 * 'Compare' on two entries compares these, whatever has been open before.
 *
 * @param {string} id
 */
export function chooseToCompare(id) {
  const { trace, compare } = selection();
  if (compare && (id === trace || id === compare)) {
    choose({ trace: id === trace ? compare : trace, compare: null, stage: null });
  } else if (trace && id !== trace) {
    choose({ trace: compare ?? trace, compare: id, stage: null });
  } else {
    choose({ trace: id, compare: null, stage: null });
  }
}
