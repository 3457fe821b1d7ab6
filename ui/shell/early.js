// Runs before anything is drawn: the theme and the tab of the address, so that nothing flashes.
(() => {
  const root = document.documentElement;
  let theme = "dark";
  try {
    theme = localStorage.getItem("heaters.theme") === "light" ? "light" : "dark";
  } catch {
    // Storage is blocked: dark it is.
  }
  root.dataset.theme = theme;
  root.style.colorScheme = theme;
})();
