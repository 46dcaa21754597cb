// The sockets that systems have of their own, beside the one of jobs: `@avance/client/sockets`.
export {
  type DocumentStatus,
  type DocumentUpdate,
  type OcrSocket,
  type OcrSocketOptions,
  openOcrSocket,
} from './ocrSocket.ts';
export {
  createUploads,
  type FollowOptions,
  type UploadDocument,
  type UploadProgress,
  type UploadStart,
  type UploadStarted,
  type Uploads,
} from './uploads.ts';
