// Answers on 127.0.0.1:PORT until SIGTERM.
'use strict';
const http = require('http');
const server = http.createServer((request, response) => {
	const text = JSON.stringify({ url: request.url, numbers: [1, 2, 3] });
	response.setHeader('content-type', 'application/json');
	response.end(text);
});
process.on('SIGTERM', () => { server.close(); server.closeAllConnections(); console.log('closed'); });
server.listen(+process.argv[2], '127.0.0.1');
