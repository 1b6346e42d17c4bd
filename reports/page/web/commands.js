// ---- commands and files to take along
for (const button of document.querySelectorAll(".copy"))
  button.addEventListener("click", async () => {
    const code = byId(button.dataset.copy);
    try {
      await navigator.clipboard.writeText(code.textContent);
    } catch {
      getSelection().selectAllChildren(code); // a page opened as a file may not write there
      document.execCommand("copy");
    }
    button.textContent = "Copied";
    setTimeout(() => { button.textContent = "Copy"; }, 1500);
  });
for (const button of document.querySelectorAll(".save"))
  button.addEventListener("click", () => save([byId(button.dataset.save).textContent], "text/yaml", button.dataset.name));
