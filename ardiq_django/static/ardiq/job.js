/* One job: buttons that copy the text below them. Without this file there are none, and the text can be selected. */
"use strict";

(() => {
  document.documentElement.classList.add("ardiq-scripted");

  const copy = (button) => {
    const text = button.nextElementSibling;
    window.getSelection().selectAllChildren(text);
    if (navigator.clipboard) {
      // elsewhere than on https the selection is all there is
      navigator.clipboard.writeText(text.textContent).then(() => {
        button.textContent = button.dataset.done;
      }, () => {});
    }
  };

  document.addEventListener("click", (event) => {
    const button = event.target.closest(".ardiq-copy");
    if (button) {
      copy(button);
    }
  });
})();
