<?php
// Signs as the vendor's package for PHP does (src/Client/Signature.php: keys sorted, the query string decoded again), with
// PHP's own functions. Usage: php sign.php IN OUT, with a sample a line.

function mac($method, $text, $secret) {
    return $method === 'md5hash' ? md5($text . $secret) : strtoupper(hash_hmac($method, $text, $secret));
}

function json($value) {
    return json_encode($value, JSON_UNESCAPED_UNICODE | JSON_UNESCAPED_SLASHES | JSON_UNESCAPED_LINE_TERMINATORS | JSON_FORCE_OBJECT);
}

function url64($bytes) {
    return rtrim(strtr(base64_encode($bytes), '+/', '-_'), '=');
}

function parameters($sample, $params) {
    $signed = $params;
    ksort($signed);
    foreach ($signed as $key => $value) {
        $signed[$key] = str_replace(['&', '='], '_', (string) $value);
    }
    $params['sig'] = mac($sample['method'], '&' . urldecode(http_build_query($signed)), $sample['secret']);
    return ['text' => $sample['how'] === 'json' ? json_encode($params, JSON_FORCE_OBJECT) : http_build_query($params)];
}

function token($sample, $params) {
    $text = $sample['how'] === 'json' ? json_encode($params, JSON_FORCE_OBJECT) : http_build_query($params);
    $hashed = $sample['how'] === 'query' ? json($params) : $text;
    $claims = $sample['claims'] + ['payload_hash' => hash('sha256', $hashed)];
    $signed = url64('{"typ":"JWT","alg":"HS256"}') . '.' . url64(json_encode($claims));
    return ['text' => $text, 'token' => $signed . '.' . url64(hash_hmac('sha256', $signed, $sample['secret'], true))];
}

$out = fopen($argv[2], 'w');
foreach (file($argv[1], FILE_IGNORE_NEW_LINES) as $line) {
    $sample = json_decode($line, true);
    $params = array_column($sample['params'], 1, 0);
    fwrite($out, json_encode($sample['kind']($sample, $params)) . "\n");
}
echo 'php ', PHP_VERSION, "\n";
