// The language of the page follows the switch: its title, its `lang`, and the next page that is opened.
(() => {
  const box = document.getElementById("en"), root = document.documentElement;
  const titles = { vi: document.title, en: root.dataset.title };
  const read = () => { try { return localStorage.getItem("thongsuot-language"); } catch { return null; } };
  const keep = (language) => { try { localStorage.setItem("thongsuot-language", language); } catch { /* not kept */ } };
  const apply = () => {
    root.lang = box.checked ? "en" : "vi";
    document.title = titles[root.lang];
    keep(root.lang);
  };
  box.checked = read() === "en";
  box.addEventListener("change", apply);
  apply();
  // What only a server of the product answers is no link in a file.
  if (location.protocol !== "file:") document.querySelectorAll("[data-served]").forEach((e) => { e.hidden = false; });
})();
