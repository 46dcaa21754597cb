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

export interface Shelf {
  name: string;
  documents: number;
  chunks: number;
  is_shared: boolean;
  is_own: boolean;
  embedding_model: string | null;
  /** The share of meaning in the ranking; 0 is words alone. */
  hybrid_weight: number;
}

export interface ShelfList {
  collections: readonly Shelf[];
}

/** Where files go that name no other. */
export const DEFAULT_COLLECTION = 'documents';
export const COLLECTION_CHARS_MAX = 63;

export type BatchStatus =
  | 'pending'
  | 'validating'
  | 'processing'
  | 'completed'
  | 'failed'
  | 'partial';

export interface BatchView {
  id: string;
  name: string;
  status: BatchStatus;
  collection_name: string;
  job_id: string | null;
  total_files: number;
  processed_files: number;
  failed_files: number;
  /** What of it failed, in English. */
  error_summary: string | null;
  created_at: string;
}

export interface BatchList {
  batches: readonly BatchView[];
  total: number;
}

export interface BatchFile {
  id: string;
  job_id: string | null;
  filename: string;
  file_size: number;
  status: 'pending' | 'processing' | 'chunked' | 'completed' | 'failed';
  chunk_count: number;
  error_message: string | null;
  processed_at: string | null;
}

/** A batch with the first of its files. docs/contract/ingest.md, 3.4. */
export interface BatchStanding {
  batch: BatchView;
  documents: readonly BatchFile[];
  statistics: Readonly<Record<'total' | 'pending' | 'processing' | 'completed' | 'failed', number>>;
  progress_percentage: number;
}

export function batchLink(id: string): string {
  return `/documents/batches/${encodeURIComponent(id)}`;
}

export function isUnderWay(status: BatchStatus): boolean {
  return status === 'processing' || status === 'validating';
}
