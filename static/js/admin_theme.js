// Runs before the first paint: the page of Django's that we extend has no place for the theme on its root element.
(() => {
  const root = document.documentElement;
  const wanted = document.querySelector('meta[name="theme"]')?.content || "auto";
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const follow = () => {
    const theme = wanted === "auto" ? (dark.matches ? "dark" : "light") : wanted;
    root.dataset.theme = theme;
    root.dataset.bsTheme = theme;
  };
  follow();
  dark.addEventListener("change", follow);
})();
