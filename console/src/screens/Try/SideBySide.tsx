import { Frames, useJobSockets } from '../Job/Frames.tsx';
import css from './Try.module.css';

/** The same job as clients of each protocol see it: the event log, and each socket of a system that follows jobs. */
export function SideBySide({ id, seq }: { id: string; seq: number }) {
  const addresses = useJobSockets();
  return (
    <div className={css.sides} data-testid="sides">
      {['', ...addresses].map((address) => (
        <Frames key={address} id={id} seq={seq} address={address} />
      ))}
    </div>
  );
}
