import type { ReactNode } from 'react';
import css from './Notice.module.css';

export interface NoticeProps {
  tone: 'empty' | 'error';
  title: string;
  children?: ReactNode;
}

/** Instead of what would be here: why it is not, and what to do. */
export function Notice({ tone, title, children }: NoticeProps) {
  return (
    <div className={css.notice} data-tone={tone} role={tone === 'error' ? 'alert' : undefined}>
      <p className={css.title}>{title}</p>
      {children}
    </div>
  );
}
