import { useEffect, useState } from 'react';

/** An address in this page for a text that is to be saved. */
export function useDownload(text: string | undefined): string | undefined {
  const [url, set] = useState<string>();
  useEffect(() => {
    if (text === undefined) return undefined;
    const made = URL.createObjectURL(new Blob([text], { type: 'application/json' }));
    set(made);
    return () => URL.revokeObjectURL(made);
  }, [text]);
  return url;
}
