// Takes the focus when it appears: {@attach focused}. Unlike the autofocus attribute it also works later than page load.
export function focused(element: HTMLElement): void {
  element.focus();
}
