import { type RefObject, useEffect, useRef, useState } from 'react';

export interface Near<E extends Element> {
  ref: RefObject<E | null>;
  /** In view, or soon. */
  isNear: boolean;
  /** Of what stands there, or stood there when it was last near. */
  height: number;
}

/** Whether a part of something long is near the view of `root`, or of the page. `estimatePx` is its height until it was drawn. */
export function useNear<E extends Element>(
  estimatePx: number,
  ahead: string,
  root?: RefObject<Element | null>,
): Near<E> {
  const ref = useRef<E>(null);
  const height = useRef(estimatePx);
  const [isNear, setNear] = useState(false);
  useEffect(() => {
    const observer = new IntersectionObserver(
      (entries) => {
        const last = entries.at(-1);
        // Whoever stands in it with the keyboard does not lose it.
        if (!last || (!last.isIntersecting && last.target.contains(document.activeElement))) return;
        if (!last.isIntersecting) height.current = last.boundingClientRect.height;
        setNear(last.isIntersecting);
      },
      { root: root?.current ?? null, rootMargin: ahead },
    );
    if (ref.current) observer.observe(ref.current);
    return () => observer.disconnect();
  }, [root, ahead]);
  return { ref, isNear, height: height.current };
}
