export interface DocumentRow {
  id: string;
  filename: string;
  chunks: number;
  uploaded_at: string;
  pages: number;
  language: string | null;
  title: string | null;
  author: string | null;
  dated: string | null;
  keywords: readonly string[];
}

export interface History {
  documents: readonly DocumentRow[];
  total: number;
}

export interface Passage {
  chunk_id: string;
  text: string;
  page: number;
  chunk_index: number;
}

export interface OpenDocument extends Omit<DocumentRow, 'chunks'> {
  document_id: string;
  chunk_count: number;
  /** The passages; in a list the word is their number. */
  chunks: readonly Passage[];
}

export interface SourceRef {
  text: string;
  score: number;
  source: string;
  page: number;
  chunk_id: string;
  document_id: string;
}

export interface Answer {
  answer: string;
  sources: readonly SourceRef[];
  metadata: { model: string };
}

/** What `documents.ingest` leaves as its result. */
export interface IngestResult {
  chunks: number;
  documents: readonly { document_id: string }[];
  duplicates: readonly { duplicate_of: string }[];
}

/** What may be dropped; the server looks at the bytes as well. */
export const ACCEPT = '.pdf,.docx,.txt,.md,.markdown,.html,.htm,.xlsx';

/** The name under which the server answers when there is no model. */
export const NO_MODEL = 'passages';

export function passageLink({ document_id, chunk_id }: SourceRef): string {
  return `/documents/list/${encodeURIComponent(document_id)}?passage=${chunk_id}`;
}
