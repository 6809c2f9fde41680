// Short messages at the edge of the page; they leave by themselves.
export interface Toast { id: number; kind: 'good' | 'bad'; text: string }

class Toasts {
  list = $state<Toast[]>([]);
  private next_ = 1;
  show(kind: Toast['kind'], text: string): void {
    const id = this.next_++;
    this.list = [...this.list.slice(-3), { id, kind, text }];
    window.setTimeout(() => this.dismiss(id), kind === 'bad' ? 8_000 : 4_000);
  }
  dismiss(id: number): void {
    this.list = this.list.filter((toast) => toast.id !== id);
  }
}

export const toasts = new Toasts();
