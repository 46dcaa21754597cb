import { useEffect } from 'react';

/** "(35 %) report.pdf – avance" */
export function useTitle(title: string): void {
  useEffect(() => {
    document.title = `${title} – avance`;
  }, [title]);
}
