// Registering what a page brings. A page's script is loaded before main.js, which starts Alpine.
import Alpine from "@alpinejs/csp";

/** Components of the page: `register({ jobList: () => ({ … }) })`, used as `x-data="jobList"`. */
export function register(components) {
  for (const [name, make] of Object.entries(components)) Alpine.data(name, make);
}
