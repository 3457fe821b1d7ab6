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
  // Gradio's page says which tab it begins with; clicking one later would race with its own start, and the Review tab
  // would take clips in hand that nobody wanted.
  const asked = new URLSearchParams(location.search).get("tab");
  root.dataset.tab = ["review", "query", "status", "submit"].includes(asked) ? asked : "review";
  const tabs = window.gradio_config?.components?.find((each) => each.props.elem_id === "tabs");
  if (tabs) tabs.props.selected = root.dataset.tab;
})();
