import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { App } from './app/App.tsx';
import { consoleBase, serverUrl } from './lib/base.ts';
import { createSession } from './lib/session.ts';
import '@avance/react/styles.css';
import './theme/tokens.css';
import './theme/base.css';

const base = consoleBase();
const session = createSession(serverUrl(base));
// Who is there is asked while the page is still being drawn.
void session.begin();
const root = document.getElementById('root');
if (root === null) throw new Error('index.html has no element #root');
createRoot(root).render(
  <StrictMode>
    <App session={session} base={base} />
  </StrictMode>,
);
