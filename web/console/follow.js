// @ts-check
/** Keeps what is being written in sight, for a reader who is at the end, and for no other. */
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";

const NEAR = 60;

/** @param {any} news  @param {boolean} bring whether the element is brought into sight at first */
export function useFollow(news, bring) {
  const element = useRef(/** @type {HTMLElement | null} */ (null));
  const atEnd = useRef(false);
  useEffect(() => {
    let ours = bring && element.current && element.current.getBoundingClientRect().top > innerHeight * 0.6;
    if (ours) element.current?.scrollIntoView({ block: "start" });
    const look = () => {
      const page = document.documentElement;
      if (ours) return void (ours = false);
      atEnd.current = scrollY > 0 && scrollY + innerHeight > page.scrollHeight - NEAR;
    };
    addEventListener("scroll", look, { passive: true });
    return () => removeEventListener("scroll", look);
  }, []);
  useLayoutEffect(() => {
    if (atEnd.current) scrollTo({ top: document.documentElement.scrollHeight });
  }, [news]);
  return element;
}
