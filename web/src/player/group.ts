// Pictures that the hub plays by one clock. Each is told what happens; one of them tells the hub, for all.
import type { Position } from './messages';
import type { Picture } from './picture';

export type Member = Pick<Picture, 'groupTime' | 'usable' | 'seeking' | 'seek' | 'speed' | 'pause' | 'resume' | 'step'>;

export class PictureGroup {
  private readonly members_ = new Set<Member>();

  add(member: Member): () => void {
    this.members_.add(member);
    return () => this.members_.delete(member);
  }
  get size(): number {
    return this.members_.size;
  }

  seek(position: Position): void {
    this.each((member, tell) => member.seek(position, tell));
  }
  speed(speed: number): void {
    this.each((member, tell) => member.speed(speed, tell));
  }
  pause(): void {
    this.each((member, tell) => member.pause(tell));
  }
  resume(): void {
    this.each((member, tell) => member.resume(tell));
  }
  step(frames: number): void {
    this.each((member, tell) => member.step(frames, tell));
  }

  get seeking(): boolean {
    return [...this.members_].some((member) => member.seeking);
  }
  /** Where the group is by the pictures shown: the middle one counts, for one camera may stand before a gap. Null before the first. */
  get time(): number | null {
    const times = this.times();
    return times.length > 0 ? times[times.length >> 1]! : null;
  }
  /** Between the earliest and the latest picture shown, ms; null with less than two. */
  get spreadMs(): number | null {
    const times = this.times();
    return times.length > 1 ? times[times.length - 1]! - times[0]! : null;
  }

  private times(): number[] {
    return [...this.members_].flatMap((member) => member.groupTime?.getTime() ?? []).sort((a, b) => a - b);
  }
  private each(command: (member: Member, tell: boolean) => void): void {
    const speaker = [...this.members_].find((member) => member.usable);
    for (const member of this.members_) command(member, member === speaker);
  }
}
