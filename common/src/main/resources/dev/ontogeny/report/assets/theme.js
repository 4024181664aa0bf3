"use strict";
// Loaded first, so that the page never flashes in the other theme.
window.ontogeny = { views: {} };

ontogeny.theme = (() => {
  const key = "ontogeny-theme";

  // Storage may be refused to pages from a disk; the choice then lasts as long as the page.
  function stored() {
    try {
      return localStorage.getItem(key);
    } catch (refused) {
      return null;
    }
  }

  function apply(name) {
    if (name) {
      document.documentElement.dataset.theme = name;
    } else {
      delete document.documentElement.dataset.theme;
    }
  }

  apply(stored());
  return {
    isDark: () =>
      (document.documentElement.dataset.theme ||
        (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark",
    toggle() {
      const next = ontogeny.theme.isDark() ? "light" : "dark";
      apply(next);
      try {
        localStorage.setItem(key, next);
      } catch (refused) {
        // Shown all the same.
      }
    },
  };
})();
