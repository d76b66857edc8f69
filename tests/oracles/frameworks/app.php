<?php
// The smallest application for PHP's built-in server: php -S 127.0.0.1:PORT app.php
$path = parse_url($_SERVER['REQUEST_URI'], PHP_URL_PATH);
$is_json = str_starts_with($_SERVER['CONTENT_TYPE'] ?? '', 'application/json');
$fields = $is_json ? json_decode(file_get_contents('php://input'), true) : ($_GET ?: $_POST);
if (count($fields) < 2) {
    http_response_code(400);
} elseif (in_array($path, ['/webhooks/answer', '/webhooks/fallback'], true)) {
    header('Content-Type: application/json');
    echo json_encode([['action' => 'talk', 'text' => 'Hello']]);
} else {
    http_response_code(200);
}
