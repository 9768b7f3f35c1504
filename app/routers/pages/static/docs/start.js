// Starts Swagger UI, in the color scheme of the browser.

// Swagger UI has a dark theme, but does not choose the theme itself: this page must set the class.
const dark = matchMedia("(prefers-color-scheme: dark)");
dark.addEventListener("change", chooseTheme);
chooseTheme();

// @ts-expect-error: swagger-ui-bundle.js defines this global.
globalThis.SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  persistAuthorization: false,
  defaultModelsExpandDepth: 0,
  tryItOutEnabled: true,
  validatorUrl: null,
  // The default theme has less contrast.
  syntaxHighlight: { theme: "tomorrow-night" },
  plugins: [(/** @type {any} */ { React }) => ({
    components: {
      // Swagger UI puts this link into a button. Assistive technology cannot operate such a link.
      DeepLink: (/** @type {{ text: string }} */ { text }) => text,
      // There is no server to choose. A heading replaces the choice, so that no heading level is missing.
      ServersContainer: () => React.createElement("h2", null, "Operations"),
    },
    wrapComponents: {
      // Swagger UI gives the field for a body no label.
      TextArea: (/** @type {unknown} */ TextArea) => (/** @type {object} */ props) =>
        React.createElement(TextArea, { "aria-label": "Body", ...props }),
    },
  })],
});

function chooseTheme() {
  document.documentElement.classList.toggle("dark-mode", dark.matches);
}
