import { areaTexts } from '../../i18n/areaTexts.ts';
import { en } from './en.ts';
import { es } from './es.ts';

export const useTexts = areaTexts({ en, es });
export type TextKey = keyof typeof en;
