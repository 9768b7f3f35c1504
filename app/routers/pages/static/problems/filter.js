// Shows only the problems that contain all words of the search field.

const field = /** @type {HTMLInputElement} */ (document.getElementById("filter"));
const count = /** @type {HTMLElement} */ (document.getElementById("count"));
const sections = [...document.querySelectorAll("section")];

// Without JavaScript, the field would do nothing. So the page hides the field until this script runs.
/** @type {HTMLElement} */ (document.getElementById("search")).hidden = false;
field.addEventListener("input", filter);
// After "Back", the browser may have filled in the field.
addEventListener("pageshow", filter);

function filter() {
  const words = field.value.toLowerCase().split(/\s+/);
  const shown = sections.map((section) => filterSection(section, words)).reduce((sum, it) => sum + it);
  count.textContent = shown === 0
    ? "No problem matches. Try fewer words."
    : `${shown} ${shown === 1 ? "problem" : "problems"}`;
}

/**
 * @param {HTMLElement} section
 * @param {string[]} words in lower case
 * @returns {number} how many problems of the section are shown
 */
function filterSection(section, words) {
  const heading = section.querySelector("h2")?.textContent;
  const problems = [...section.querySelectorAll("details")];
  for (const problem of problems) {
    // The example is not searched, because its JSON has the same words in each problem.
    const parts = [...problem.querySelectorAll("summary, dl")].map((part) => part.textContent);
    const text = [heading, ...parts].join(" ").toLowerCase();
    problem.hidden = !words.every((word) => text.includes(word));
  }
  const shown = problems.filter((problem) => !problem.hidden).length;
  section.hidden = shown === 0;
  return shown;
}
