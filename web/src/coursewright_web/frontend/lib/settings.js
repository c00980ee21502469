// What this browser remembers for the next page: theme, language, sidebar. Cookies, so that a page comes right at once.
const YEAR_S = 31_536_000;

export function remember(name, value) {
  const secure = location.protocol === "https:" ? "; secure" : "";
  document.cookie = `coursewright_${name}=${value}; path=/; max-age=${value ? YEAR_S : 0}; samesite=lax${secure}`;
}
